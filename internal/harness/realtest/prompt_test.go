package realtest

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// typed is what somebody types at the question.
var typed = map[string]struct {
	keys   string
	before func(n *machine) // what happens while the question waits
	exit   int
	words  string
}{
	"Yes":    {keys: "yes\n", exit: 0, words: "PASS"},
	"Y":      {keys: "y\n", exit: 2, words: "nothing was written"},
	"No":     {keys: "no\n", exit: 2, words: "nothing was written"},
	"End":    {keys: "\x04", exit: 2, words: "nothing was written"},
	"Ctrl-C": {keys: "\x03", exit: 2, words: "nothing was written"},
	"Filled": {keys: "yes\n", exit: 2, words: "it is not empty", before: func(n *machine) {
		require.NoError(n.t, os.Mkdir(n.data, 0o700))
		require.NoError(n.t, give(n.data))
		n.write("pg/notes.txt", "do not touch")
	}},
	"ClusterCame": {keys: "yes\n", exit: 2, words: "it holds a cluster", before: func(n *machine) {
		n.run("cp", "-a", n.source.data(), n.data)
	}},
}

// It asks once, on a terminal; what is not a yes writes nothing, and what came into the directory meanwhile is safe.
func TestRestore_Asks(t *testing.T) {
	takesLong(t)
	for name, c := range typed {
		t.Run(name, func(t *testing.T) {
			n := lost(t, plain)
			cmd := n.command("-deep", "none")
			cmd.Env = append(cmd.Env, "TERM=dumb")
			screen, err := pty.Start(cmd)
			require.NoError(t, err)
			defer screen.Close() //nolint:errcheck // the terminal of a program that has ended
			said := n.until(screen, "Type yes to restore: ")
			if c.before != nil {
				c.before(n)
			}
			before := n.there()
			_, err = io.WriteString(screen, c.keys)
			require.NoError(t, err)
			rest, _ := io.ReadAll(screen) // ends with an error of its own when nobody has the other end any more
			_ = cmd.Wait()
			o := n.left(cmd, said+string(rest))
			assert.Equal(t, c.exit, o.Exit, o.Said)
			assert.Contains(t, o.Said, c.words)
			if c.exit != 0 {
				assert.Empty(t, changed(before, n.there()))
			}
		})
	}
}

// until reads a screen up to some words.
func (n *machine) until(screen *os.File, words string) string {
	n.t.Helper()
	var said strings.Builder
	for buffer := make([]byte, 256); !strings.Contains(said.String(), words); {
		count, err := screen.Read(buffer)
		said.Write(buffer[:count])
		require.NoError(n.t, err, said.String())
	}
	return said.String()
}

// there is what lies where it would be restored to.
func (n *machine) there() map[string]string {
	if _, err := os.Lstat(n.data); err != nil {
		return nil
	}
	return trees(n.t, n.data)
}
