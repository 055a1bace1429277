"""What runs beside its caller: calls side by side, slow calls in native threads, hashing. For Python 2.7 too."""
