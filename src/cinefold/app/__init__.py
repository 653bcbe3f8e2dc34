"""The web app: ``cinefold app`` serves `main.py` with Streamlit.

Pages (`views`) load, compute and draw; what they compute comes from the library.
"""
