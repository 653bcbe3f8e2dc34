import streamlit as st
st.title("Taste")
