"""Harbor's registryctl: the small server through which Harbor's collector takes files out of the registry's storage."""
