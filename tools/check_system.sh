#!/bin/sh
# Says at once, and in one place, which system parts are missing for building Cinefold.
python="${PYTHON:-python3}"
missing=""

need() { missing="$missing
  - $1"; }

if ! command -v "$python" >/dev/null 2>&1; then
    need "Python 3.11 or newer (apt install python3; or make PYTHON=/path/to/python)"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    need "Python 3.11 or newer; $python is $("$python" -V 2>&1) (make PYTHON=/path/to/python chooses another)"
else
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        need "Python's venv (apt install python3-venv)"
    "$python" -c 'import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' ||
        need "Python's headers (apt install python3-dev)"
fi
command -v "${CXX:-g++}" >/dev/null 2>&1 || need "a C++ compiler (apt install g++; or set CXX)"

if [ -n "$missing" ]; then
    printf 'Missing on this machine:%s\n' "$missing" >&2
    exit 1
fi
