package policy

import "veza.fr/recovery/internal/pgbackrest"

// restoresLess are findings on options by which a plain restore brings back less than everything, or by which
// somebody believes that it would.
func restoresLess(conf *pgbackrest.Config, stanza string) (findings []string) {
	for _, option := range conf.RestoreOptions(stanza) {
		if option.Loses {
			findings = append(findings, option.String()+"; take it out")
		}
	}
	return findings
}
