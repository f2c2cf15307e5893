"""Measuring and comparing: metrics, tables, discrete against continuous, figures.

Nothing else in the package imports this one, except the command line when its commands are there.
"""
