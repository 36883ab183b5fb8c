package host

// Placed is a host of a cluster, whose members are machines of their own.
type Placed interface {
	// Member is the name of the member it is on, "" where there is no cluster.
	Member() string
}
