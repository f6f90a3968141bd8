"""The commands of `holdfast`, each a thin function over the library."""
