"""Text in two languages: catalogues for people, language detection, sentences and search words for machines."""
