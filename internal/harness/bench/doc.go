// Package bench measures what the drill costs beyond the commands it stands on: the
// same restore, start, wait, query and stop, by hand and by the drill, in turn, on one
// repository. `make bench` runs it; nothing here fails on a figure.
package bench
