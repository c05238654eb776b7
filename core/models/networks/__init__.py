"""Small networks in use: their layers and how texts, tables and pictures become their inputs."""
