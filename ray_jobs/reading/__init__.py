"""Reading a table, whatever it is written in: `ray_jobs.reading.source.open_source` gives a Source.

This package imports nothing here: `files` is also needed where pandas must not be loaded.
"""
