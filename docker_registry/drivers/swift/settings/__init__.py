"""What a config file, the environment and clouds.yaml say, as one checked set of settings."""
