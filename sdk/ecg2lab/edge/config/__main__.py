"""`make schema`."""

from ecg2lab.edge import config

config.SCHEMA_FILE.write_text(config.schema_text())
