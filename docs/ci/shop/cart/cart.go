// Package cart keeps the carts of customers until they pay.
package cart

import (
	"fmt"
	"sync"
)

// Item is one line of a cart.
type Item struct {
	SKU   string
	Count int
}

// Cart is what one customer has chosen so far.
type Cart struct {
	Customer string
	Items    []Item
}

// Store holds the open carts.
type Store struct {
	mu    sync.Mutex
	carts map[string]*Cart
}

// NewStore returns an empty store.
func NewStore() *Store {
	return &Store{carts: make(map[string]*Cart)}
}

// Add puts an item into the customer's cart, which is opened if need be.
func (s *Store) Add(customer, sku string, count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.carts[customer]
	if c == nil {
		c = open(customer)
		s.carts[customer] = c
	}
	c.Items = append(c.Items, Item{SKU: sku, Count: count})
}

// Pay closes the customer's cart and returns its receipt.
func (s *Store) Pay(customer string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.carts[customer]
	if c == nil {
		return ""
	}
	delete(s.carts, customer)
	return receipt(c)
}

// Open returns how many carts are open.
func (s *Store) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.carts)
}

func open(customer string) *Cart {
	return &Cart{Customer: customer, Items: make([]Item, 0, 32)}
}

func receipt(c *Cart) string {
	total := 0
	for _, item := range c.Items {
		total += item.Count
	}
	return fmt.Sprintf("%s bought %d things in %d lines", c.Customer, total, len(c.Items))
}
