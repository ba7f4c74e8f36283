"""What pages share: the shell around them, formats, tables, states and dialogs."""
