// Package workshop is the library of mods: what is stored, what is wanted,
// how it is brought here, and who may have it.
//
// A version of an item, once stored, is served for ever under one name with
// one content; old versions are the point of the whole thing, because Steam
// only has the current one. Requests never wait: a version that is not here is
// answered "come back" while a job asks Steam and the sources for it. Bytes
// are checked before they are stored and again whenever their file is not the
// one that was checked, so that what is damaged is never served.
//
// The faces (Natural Selection 2's mod backup server, and the API below
// /api/v1/mods) share one Service. Several processes may run one on the same
// database and blob store; see DESIGN.md for what holds them together.
//
// It imports accounts and the layers below, and no other feature.
package workshop
