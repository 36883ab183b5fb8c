package runner

import (
	"errors"
	"fmt"
	"strings"

	"veza.fr/recovery/internal/reason"
)

// validateForget finds what does not go with -forget-all-but.
func (o *options) validateForget() error {
	if o.forget == "" {
		return nil
	}
	switch {
	case o.textfile == "":
		return errors.New("-forget-all-but takes series out of -textfile FILE: give both")
	case len(o.command) > 0 || o.reap || o.fleet != "" || o.alarm.test || o.due > 0 || o.share:
		return errors.New("-forget-all-but runs nothing, and goes with -textfile and -suite alone")
	case o.report != "" || o.history != "" || o.junit != "" || o.stream != "" || o.evidence != "":
		return errors.New("-forget-all-but changes -textfile alone: name no other file")
	}
	for stanza := range strings.SplitSeq(o.forget, ",") {
		if stanza == "" || strings.TrimSpace(stanza) != stanza { // a typing error would take one out that goes on
			return fmt.Errorf("-forget-all-but: %q is no name of a stanza", stanza)
		}
	}
	return nil
}

// forgetAllBut is testprom -forget-all-but: it says which stanzas it took out of the textfile.
func (w World) forgetAllBut(o options) int {
	gone, err := w.Textfile.ForgetAllBut(o.textfile, o.suite, strings.Split(o.forget, ","))
	if err != nil {
		return w.fail(fmt.Errorf("-forget-all-but: %w", err))
	}
	for _, stanza := range gone {
		_, _ = fmt.Fprintf(w.Stdout, "%s says nothing of stanza %s any more\n", o.textfile, printable(stanza))
	}
	return reason.ExitPass
}
