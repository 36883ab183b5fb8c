// Command evidence verifies what restore drills left as evidence. Run it with -h.
package main

import (
	"os"
	"time"

	"veza.fr/recovery/internal/testprom/evidence/command"
)

func main() {
	os.Exit(command.Main(os.Args[1:], command.World{Out: os.Stdout, Err: os.Stderr, Now: time.Now}))
}
