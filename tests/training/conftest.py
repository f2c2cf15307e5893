from training_making import configured, folders, logged, values  # noqa: F401
