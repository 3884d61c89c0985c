//go:build !linux

package web

type fileSend struct{}

// sendFile sends up to n bytes of f through a buffer; see copyFile.
func (c *conn) sendFile(f fileSource, off *int64, n int64) (int64, error) {
	return c.copyFile(f, off, n)
}

// unacked is unknown here: every byte the kernel took counts as arrived.
func (c *conn) unacked() int64 { return 0 }
