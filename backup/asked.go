package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"veza.fr/recovery/internal/reason"
	"veza.fr/recovery/internal/settings"
	"veza.fr/recovery/internal/suite"
)

// choice is which claims a run asks, and what the report says of what it does not ask.
type choice struct {
	asked []string
	notes []string
}

// chooseClaims decides which claims are asked.
func chooseClaims(_ context.Context, out suite.Out, in opened) ([]string, error) {
	chosen, err := choose(in.Seeded != nil, in.Settings, in.Client.Conf.Repos(), in.Client.Host())
	for _, text := range chosen.notes {
		out.Note("%s", text)
	}
	return chosen.asked, err
}

// choose decides by the kind of the source, by the settings, by which repositories the conf
// names, and by the repository host of the one that is checked, "" where it has none. A claim that
// was chosen and cannot be asked is an error: whoever chose it would take the rest for its answer.
func choose(seeded bool, given settings.Settings, repos []int, host string) (c choice, err error) {
	note := func(format string, args ...any) { c.notes = append(c.notes, fmt.Sprintf(format, args...)) }
	var left []string
	for _, claim := range suite.Backup.Steps {
		why := notAsked(claim.Name, seeded, given, host)
		switch {
		case given.Claims != nil && !slices.Contains(given.Claims, claim.Name):
			left = append(left, claim.Name)
		case why != "" && given.Claims != nil:
			err = errors.Join(err, reason.Errorf(reason.ConfigInvalid, "-claims: %s cannot be asked here: %s",
				claim.Name, why))
		case why != "":
			note("%s is not asked: %s", claim.Name, why)
		default:
			c.asked = append(c.asked, claim.Name)
		}
	}
	if len(left) > 0 {
		note("left out by -claims, and so not proved by this run: %s", strings.Join(left, ", "))
	}
	for _, key := range repos {
		if key != given.Repo {
			note("repository %d of the conf is not looked at: -repo %d checks it", key, key)
		}
	}
	if !seeded && given.Primary == "" && slices.Contains(c.asked, "archive") {
		note("archive asks the repository alone: -primary names no primary to ask for its settings and failures")
	}
	return c, err
}

// notAsked is why a claim is not asked; "" when it is. A seeded source is there for all of them.
// A repository host is asked by pgBackRest's own protocol, which serves a restore and does not
// serve verify (2.45 ends the connection); nor can its files be read without pgBackRest from here.
func notAsked(claim string, seeded bool, given settings.Settings, host string) string {
	switch {
	case host != "" && (claim == "integrity" || claim == "encryption"):
		return fmt.Sprintf("it reads the files of repository %d where they lie, on the repository host %s: run the "+
			"backup checks there", given.Repo, host)
	case seeded:
	case claim == "retention":
		return "it takes many backups, which only a seeded source is there for"
	case claim == "rpo" && (given.Primary == "" || !given.Write):
		return "it writes a row on the primary, which takes -primary and -write"
	}
	return ""
}
