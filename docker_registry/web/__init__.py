"""The registry as a page for people: server-rendered HTML over `distribution.views`, and nothing from elsewhere."""
