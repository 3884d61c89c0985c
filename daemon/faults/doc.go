// Package faults holds the part of the fault plan that needs the real
// program: it is built, started, killed and started again, against a Steam
// on loopback. The rows that need only one package are tests beside it; all
// of them are named TestR<row> and "make faults" runs them.
//
// Whatever is chosen at random comes from a seed that is printed, and
// QUARTERMASTER_TEST_SEED repeats a run.
package faults
