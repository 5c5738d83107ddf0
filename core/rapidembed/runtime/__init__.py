"""Running a model: device and cores, tokenizer, planner, sessions, and the pipeline that joins them."""
