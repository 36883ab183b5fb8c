// Package bench measures what the drill costs beyond the commands it stands on: restore,
// start, wait, query and stop, by hand and by the drill, in turn, on one repository, near
// and far. `make bench` runs it. Nothing here fails on a figure.
//
// A run goes through sources (source.go), each of which is made once and kept in a cache,
// served by an S3 server of this process (shelf.go), and looked at from a distance
// (distance.go). Rows says what is measured, Run measures it, Result is what is kept, and
// Tables is what a page shows of it.
package bench
