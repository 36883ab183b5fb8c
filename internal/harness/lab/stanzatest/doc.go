// Package stanzatest applies role dr_drill for several stanzas, two hosts and a restricted project to the lab's drill
// host. It is the part of the story of an installation that CI has no time for.
package stanzatest
