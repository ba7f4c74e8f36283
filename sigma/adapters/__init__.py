"""One folder per broker, which alone imports that broker's SDK."""
