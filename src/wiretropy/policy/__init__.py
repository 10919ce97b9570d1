"""What is expected of the traffic here, and what is not: measurements in, alerts out."""
