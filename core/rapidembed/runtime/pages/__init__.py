"""Pages and the texts that ask for them, on their way through a model of both."""
