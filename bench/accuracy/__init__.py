"""How right the verdicts are, beside other methods on the same bytes: `make accuracy` writes bench/ACCURACY.md."""
