"""One kind of channel a module, each with its `KIND`; found by `alerts.plugins.discover`, never imported here."""
