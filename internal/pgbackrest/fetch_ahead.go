package pgbackrest

import (
	"context"
	"crypto/rand"
	_ "embed" // the script
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"veza.fr/recovery/internal/host"
)

// fetchAhead needs what every Debian has (coreutils, grep, util-linux). Without one of them it brings nothing.
//
//go:embed fetch_ahead.sh
var fetchAhead string

// Ahead is what brings segments ahead of a replay. The zero value brings none.
type Ahead struct {
	Command string // to be tried before the cluster's restore_command, "" for none; %f and %p in it are PostgreSQL's
	dir     string
}

// FetchAhead puts onto the host what brings the segments of a list ahead of a replay that goes through them in this
// order, where g says so. What it brings came whole from archive-get as restore_command would have it; it fails for
// all others. So what is not there, or cannot be read, is said by restore_command when its turn comes, and never here.
func (c *Client) FetchAhead(ctx context.Context, g Getting, segments []string) (a Ahead, err error) {
	if g.Ahead == 0 || len(segments) == 0 {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	dir := c.Spool + "/ahead-" + rand.Text() // what an earlier replay has begun may still be at work
	if _, err = c.Host.Run(ctx, host.Command{
		Argv: []string{"mkdir", "-p", "-m", "0700", dir + "/in", dir + "/part", dir + "/lock"},
	}); err != nil {
		return a, err
	}
	list := strings.Join(segments, "\n") + "\n"
	if err = c.Host.Put(ctx, dir+"/list", []byte(list), 0o600, ""); err != nil {
		return a, err
	}
	script := dir + "/fetch_ahead"
	if err = c.Host.Put(ctx, script, []byte(c.fetchAheadScript(dir, g.Ahead)), 0o600, ""); err != nil {
		return a, err
	}
	command := "sh " + strings.ReplaceAll(host.ShellQuote(script), "%", "%%") + ` %f "%p"`
	return Ahead{Command: command, dir: dir}, nil
}

// Fetched is how many segments a replay was given that had been fetched ahead of it, and what archive-get said where
// it first brought none, printable; "" for nothing.
func (c *Client) Fetched(ctx context.Context, a Ahead) (count int, failed string, err error) {
	var said [2]string
	for i, file := range []string{"taken", "failed"} {
		content, err := c.Host.Read(ctx, a.dir+"/"+file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // there is none before the first of them
			return 0, "", err
		}
		said[i] = string(content)
	}
	return len(strings.Fields(said[0])), Printable(said[1]), nil
}

// fetchAheadScript is the script with what it works on.
func (c *Client) fetchAheadScript(dir string, ahead int) string {
	var get strings.Builder
	for _, word := range c.onCluster(c.common("archive-get")) {
		get.WriteString(host.ShellQuote(word) + " ")
	}
	return fmt.Sprintf("dir=%s ahead=%d\narchive_get() { %s\"$@\"; }\n\n%s", host.ShellQuote(dir), ahead, get.String(),
		fetchAhead)
}
