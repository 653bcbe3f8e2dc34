"""Rating movies, profiles and imports of somebody new."""
