"""Live window: the exposure-time slider on running video. Of the core it knows the public names only."""
