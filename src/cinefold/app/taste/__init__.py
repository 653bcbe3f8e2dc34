"""How somebody's ratings compare."""
