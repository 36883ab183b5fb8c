// Package host says what a machine is to the drill: something that runs
// commands, holds files, answers on addresses, and can be destroyed.
//
// Providers are process, docker and incus; package hosttest is the suite all of
// them pass.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
)

// Host is a machine that commands run on. Its methods may be called at once
// from several goroutines.
type Host interface {
	// Name is what messages call the machine.
	Name() string
	// Run runs one command to its end. Without a deadline in ctx it is refused.
	// When ctx ends, the command and all its children are killed and the error
	// wraps context.Cause(ctx). A command that exits non-zero is an *ExitError; a program that
	// is not there wraps ErrNotFound.
	Run(ctx context.Context, cmd Command) (Result, error)
	// Put writes a file whole (beside, then renamed); owner "" is the default user of the host.
	Put(ctx context.Context, path string, content []byte, mode fs.FileMode, owner string) error
	// Read returns a file's content; a missing one wraps fs.ErrNotExist.
	Read(ctx context.Context, path string) ([]byte, error)
	// Dial connects to an address inside the machine; network is "tcp" or "unix".
	Dial(ctx context.Context, network, address string) (net.Conn, error)
	// Destroy ends everything that runs on the machine and removes it. A second
	// call does nothing. Any other method then returns ErrDestroyed.
	Destroy(ctx context.Context) error
}

// Command is what Run runs: argv, no shell.
type Command struct {
	Argv  []string
	Stdin io.Reader // nil: empty
	Env   []string  // added to the host's own small environment; never a secret
	User  string    // "": the host's default user (postgres when the drill runs as root)
	Dir   string    // "": the host's own directory
	// Stdout, when set, also receives standard output while the command runs.
	Stdout io.Writer
}

// ShellQuote is a word of a command line for sh.
func ShellQuote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// Result is what a finished command printed.
type Result struct {
	Stdout []byte
	Stderr []byte
}

// ExitError is a command that ended with a status other than 0.
type ExitError struct {
	Argv   []string
	Code   int // exit status; 128 + signal when one ended it
	Result Result
}

func (e *ExitError) Error() string {
	text := strings.TrimSpace(string(e.Result.Stderr))
	if text == "" {
		text = strings.TrimSpace(string(e.Result.Stdout))
	}
	if lines := strings.Split(text, "\n"); len(lines) > 5 {
		text = strings.Join(lines[len(lines)-5:], "\n")
	}
	return fmt.Sprintf("%s: exit status %d: %s", e.Argv[0], e.Code, text)
}

// Errors every provider returns.
var (
	ErrNotFound   = errors.New("program not found")
	ErrDestroyed  = errors.New("host is destroyed")
	ErrNoDeadline = errors.New("command without a deadline")
)
