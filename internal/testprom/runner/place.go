package runner

// Place is the project of the Incus daemon in which sandboxes are made. What is empty nobody named.
type Place struct{ Remote, Project string }

// The variables that name it; the drill has a flag for each, which wins.
const (
	remoteVariable  = "DRILL_INCUS_REMOTE"
	projectVariable = "DRILL_INCUS_PROJECT"
)

// place is the one that the environment names, for what has no command.
func (w World) place() Place {
	return Place{lookup(w.Env, remoteVariable), lookup(w.Env, projectVariable)}
}
