"""Words and values of the domain: frozen, standard library only, no I/O and no clock."""
