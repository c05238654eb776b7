"""Everything in Pilotlight that is true without a browser. Imports no Streamlit."""
