"""The frame and the pieces pages share. Streamlit never lists subfolders of pages/ as pages."""
