package main

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"veza.fr/recovery/internal/packaging"
	"veza.fr/recovery/internal/settings"
)

// The manual page cannot ask a program for its flags: they are written down there, all of them.
func TestManual_HoldsEveryFlag(t *testing.T) {
	var text string
	for _, p := range packaging.Pages {
		if p.Name == program {
			marks := strings.NewReplacer(`\fB`, "", `\fI`, "", `\fP`, "", `\&`, "", `\-`, "-")
			text = marks.Replace(string(p.Roff(packaging.Origin{Version: "1", Time: time.Unix(0, 0)})))
		}
	}
	own, _ := flagSet()
	own.VisitAll(func(f *flag.Flag) {
		value, _ := flag.UnquoteUsage(f)
		assert.Contains(t, text, "\n-"+strings.TrimSpace(f.Name+" "+value)+"\n")
	})
	for _, s := range settings.Real() {
		assert.Contains(t, text, "\n-"+s.Flag)
	}
}
