//go:build !unix

package dbtest

// startCluster is for systems with a shell; elsewhere the environment names
// a server.
func startCluster() (string, error) { return "", errNoPostgres }
