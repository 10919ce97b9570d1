"""One module per class of traffic; `lab.catalogue` says what a module must define."""
