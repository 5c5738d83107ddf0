"""Dense text embedding."""
