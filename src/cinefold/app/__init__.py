"""The web app: ``cinefold app`` serves `main.py` with Streamlit.

A folder for each page, and `shared/` for what several draw; what they show comes from the library.
"""
