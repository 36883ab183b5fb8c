// Command veza-restore restores the cluster of this node in earnest: the steps of the restore drill, into
// the real data directory. Run it with -h.
package main

import (
	"os"

	"veza.fr/recovery/internal/restore"
)

func main() {
	os.Exit(restore.Main(os.Args[1:], restore.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, here))
}
