"""Pure decisions: everything an engine needs arrives as an argument."""
