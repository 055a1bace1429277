"""The second port, which clients never see: metrics, health, readiness."""
