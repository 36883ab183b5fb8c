package restore

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/suite"
)

// prompt shows what preflight found, and asks once.
type prompt struct {
	in          *os.File
	ask         bool // somebody has to say yes
	screen, log io.Writer
}

const (
	question = "Type yes to restore: "
	answer   = "yes"
)

// confirm shows the facts, and asks where it has to. Anything but a yes ends the run: nothing is
// written by then. What was typed before the question is no answer to it.
func (p prompt) confirm(ctx context.Context, facts []string) error {
	var told strings.Builder
	for _, fact := range facts {
		told.WriteString("    " + strings.ReplaceAll(suite.Printable(fact), "\n", " ") + "\n")
	}
	_, _ = io.WriteString(p.log, told.String())
	if !p.ask {
		_, _ = io.WriteString(p.screen, told.String())
		return nil
	}
	_ = unix.IoctlSetInt(int(p.in.Fd()), unix.TCFLSH, unix.TCIFLUSH) // no terminal: nothing to forget
	_, _ = io.WriteString(p.screen, told.String()+question)
	said, err := p.read(ctx)
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(p.screen) // the terminal's own line is not ended
		return err
	case said != answer:
		return reason.Errorf(reason.Interrupted, "the answer was not %s: nothing was written", answer)
	}
	return nil
}

// read reads the answer. A signal does not wait for one.
func (p prompt) read(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(p.in).ReadString('\n')
		typed <- line{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("%w: nothing was written", context.Cause(ctx))
	case said := <-typed:
		if said.err != nil {
			return "", reason.Errorf(reason.Interrupted, "there was no answer (%w): nothing was written", said.err)
		}
		return strings.TrimSpace(said.text), nil
	}
}
