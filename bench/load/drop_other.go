//go:build !linux

package main

import "io"

// drop reads up to n bytes and throws them away.
func (c *client) drop(n int64) (int64, error) { return io.CopyN(io.Discard, c.conn, min(n, 256<<10)) }
