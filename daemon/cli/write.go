package cli

import "io"

// writerOf returns a function that writes text, as durable.Replace takes it.
func writerOf(text []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}
}
